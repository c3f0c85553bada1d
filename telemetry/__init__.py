"""What a process says of itself: logs, metrics, health. Vehicle and cloud both use it; it knows neither."""
