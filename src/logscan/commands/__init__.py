"""What the commands do, one module each; ``cli`` only says how they are called."""
