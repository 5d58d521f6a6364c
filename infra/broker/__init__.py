"""Messages out, deliveries in: the broker's words, and RabbitMQ behind them."""
