"""What the explorer's classifier is made of: data, and the script that made it."""
