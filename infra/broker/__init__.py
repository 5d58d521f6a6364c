"""RabbitMQ: topology, publisher, consumer, and the fake that passes the same suite."""
