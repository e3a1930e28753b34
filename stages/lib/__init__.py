"""What the stages share, a topic a file."""
