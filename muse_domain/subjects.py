"""What the day's facts say of one finding: the licence for words about it."""

from dataclasses import dataclass

TIME_UNITS = frozenset({"ns", "us", "µs", "ms", "s"})


@dataclass(frozen=True, slots=True)
class Subject:
    """What the day's facts say of one finding: the licence for words about its direction."""

    subject: str
    direction: str
    effect: str
    unit: str

    @property
    def has_direction(self) -> bool:
        """Whether it moved at all: a shift that is refuted did not."""
        return self.direction != "none"

    @property
    def is_time(self) -> bool:
        """Whether it is measured in time, so that something can take longer."""
        return self.unit.partition("/")[0] in TIME_UNITS

    @property
    def is_speed(self) -> bool:
        """Whether it is a time of which less is better, or a rate of which more is: then something can be faster."""
        rises_for_better = (self.direction == "up") == (self.effect == "improvement")
        return self.unit.endswith("/s") if rises_for_better else self.is_time
