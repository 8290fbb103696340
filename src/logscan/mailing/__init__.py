"""Reports by mail: addresses, subject, message, sending, and keeping what could not be sent."""
