"""What the modes ask the backends, one module a mode: read here what a backend is told."""
