"""From a file, URL, PDF or archive to the picture that is sent."""
