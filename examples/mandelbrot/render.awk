# The same strip without Node: awk -v strip=<n> -f render.awk scene.txt > strip-<n>.ppm (text PPM, one sample a pixel).
BEGIN { FS = "=" }
/^#/ { next }
NF == 2 { scene[$1] = $2 }
function wave(t, phase) { return int(255 * (0.5 + 0.5 * cos(6.283185307 * (t + phase))) + 0.5) }
END {
  width = scene["width"]; height = scene["height"]; step = scene["span"] / width; limit = scene["iterations"]
  first = int(height * strip / scene["strips"]); last = int(height * (strip + 1) / scene["strips"])
  printf "P3\n%d %d\n255\n", width, last - first
  told = 0
  for (row = first; row < last; row++) {
    cy = scene["center_y"] + (row + 0.5 - height / 2) * step
    for (column = 0; column < width; column++) {
      cx = scene["center_x"] + (column + 0.5 - width / 2) * step
      x = y = n = xx = yy = 0
      while (n < limit && xx + yy <= 256) { y = 2 * x * y + cy; x = xx - yy + cx; xx = x * x; yy = y * y; n++ }
      if (n >= limit) print "0 0 0"
      else {
        t = sqrt(n + 1 - log(log(xx + yy) / log(2) / 2) / log(2)) * 0.22
        print wave(t, 0.52), wave(t, 0.6), wave(t, 0.73)
      }
    }
    done = int(5 * (row + 1 - first) / (last - first))
    if (done > told) { told = done; printf "strip %d: %d %% of %d rows\n", strip, done * 20, last - first > "/dev/stderr" }
  }
}
