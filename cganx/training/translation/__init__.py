"""Training of image-to-image generators: what is another one than where a latent is turned into a picture.

``settings`` are the numbers of their recipes, ``preset`` what such a recipe is, ``feed`` the pictures and what a run remembers,
``metric`` judges held-out pictures, ``journal`` shows and looks at them. The loop is that of all presets.
"""
