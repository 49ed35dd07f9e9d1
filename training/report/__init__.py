"""Pages for people: a run's report, runs beside each other. One file each, which opens offline."""
