"""What a process says of itself: logs, metrics, health, results in a file. Used by vehicle and cloud; knows neither."""
