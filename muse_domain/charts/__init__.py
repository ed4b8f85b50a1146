"""One finding as a picture, in words and as a table: `model` says what it shows, `drawing` and `table` show it."""
