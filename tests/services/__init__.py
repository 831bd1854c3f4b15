"""Real servers, started by fixtures on ports and folders of their own."""
