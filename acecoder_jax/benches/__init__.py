"""What `acecoder bench` measures beside the input pipeline."""
