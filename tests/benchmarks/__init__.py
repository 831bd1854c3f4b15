"""The benchmarks' arithmetic and their writers, on given figures: nothing is measured here."""
