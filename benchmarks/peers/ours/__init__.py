"""The notifier in the smallest host there is."""
