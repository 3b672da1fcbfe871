"""Where everything is wired: settings, processes, and the adapters that give the pure parts a database and a message bus."""
