from tests.resources.test_event_intake import *
from tests.resources.test_event_intake import nameless, events

def test_returns(events):
    path = events.write("a.jsonl", *nameless(2), *nameless(3, NEXT_DAY))
    events.take_in(DAY)
    content = path.read_bytes(); path.unlink()
    print("while gone", events.take_in(NEXT_DAY).rows_by_day)
    path.write_bytes(content)
    print("back", events.take_in(NEXT_DAY).rows_by_day, len(events.rows))
    assert len(events.rows) == 5

def test_copy(events):
    events.write("a.jsonl", *nameless(3)); events.write("b.jsonl", *nameless(3))
    print(events.take_in().rows_by_day)
    assert len(events.rows) == 3

def test_grown_and_renamed(events):
    path = events.write("a.jsonl", *nameless(3))
    events.take_in()
    append(path, lines_of(*nameless(2))); path.rename(events.folder/"b.jsonl")
    print(events.take_in().rows_by_day)
    assert len(events.rows) == 5

def test_cut_gzip_drops(events):
    path = events.write_bytes("a.jsonl", gzip.compress(lines_of(*nameless(3))))
    events.take_in()
    path.write_bytes(path.read_bytes()[:-9])
    events.take_in()
    assert len(events.rows) == 3
