"""The second look's own training: views of boxes from close by."""
