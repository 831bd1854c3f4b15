"""``flask notifier doctor``: what people get wrong in a deployment, and what to do about it."""
