"""What the commands do, one module each, and the options they take; ``cli`` says how they are called."""
