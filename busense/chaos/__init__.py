"""Break a running town at random instants, over and over, and prove that nothing was lost and nothing counted twice."""
