"""PostgreSQL and Valkey from wheels: for one machine without either. They listen on Unix sockets below the data directory."""
