"""Real inputs that travel with the suite, each beside the script that makes it."""
