"""What stands between the network and the pages: headers, limits, the log and the metrics."""
