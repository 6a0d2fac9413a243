"""The AWS side of the Bedrock route: where keys come from, how a request is signed, region and models."""
