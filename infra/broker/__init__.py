"""Messages out, deliveries in: the broker's words, RabbitMQ behind them, and a fake beside it."""
