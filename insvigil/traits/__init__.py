"""traits."""
