"""What encoder_manager_setup is made of. Needs Python 3.9, and PyYAML and jsonschema to read its
configuration."""
