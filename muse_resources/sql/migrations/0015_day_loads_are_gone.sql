-- Their rows stand in loaded_days (0012). A step of its own: 0012 can run again for as long as it is not noted.

DROP TABLE IF EXISTS day_loads SYNC;
