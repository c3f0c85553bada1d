"""What any process says of itself, and the files and numbers it is given. Used by vehicle and cloud; knows neither."""
