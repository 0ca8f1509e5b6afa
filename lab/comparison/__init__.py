"""Several designs on the same scenario and seeds: what was asked for, the runs, and the report of what was found."""
