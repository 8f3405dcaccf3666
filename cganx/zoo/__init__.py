"""The bundled generators: `runtime.load("fashion")`. `README.md` beside this file says how each was made."""
