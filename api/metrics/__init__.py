"""What the API tells Prometheus. The only package that imports prometheus_client."""
