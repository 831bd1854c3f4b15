"""The faults, one function each: it makes a world, breaks it, and reports what came of it."""
