"""What stands out in the replies: spikes, greylisting, rejected commands."""
