"""Google's side of the Vertex route: where credentials lie, how a token is got, project and region."""
