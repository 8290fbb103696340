"""The history: what logs told, kept by day in a store, and each line read once."""
