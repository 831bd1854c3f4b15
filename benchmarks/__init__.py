"""What the notifier costs, beside what people would use instead: ``python -m benchmarks``."""
