"""Says what is right, by the manifests, the people's acts and the server's rows alone: the rules, read again."""
