"""Jobs on worker threads, with retries."""
