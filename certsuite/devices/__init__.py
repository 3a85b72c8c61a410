"""Device profiles, the configuration made from them, and the drivers that make a device act."""
