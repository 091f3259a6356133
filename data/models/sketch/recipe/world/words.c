/* SPDX-License-Identifier: GPL-3.0-or-later
 * What one may say of a scene: phrasings, synonyms, orders; things may be left out, never invented. */
#include "world.h"

#include <stdarg.h>
#include <string.h>

const char *const colour_names[N_COLOURS] = { "black", "white",  "red",  "green",  "yellow", "blue",
                                              "brown", "orange", "pink", "purple", "grey" };
static const char *const shape_names[N_SHAPES][3] = {
  { "circle", "disc", "circle" }, { "square", "square", "box" },      { "triangle", "triangle", "triangle" },
  { "star", "star", "star" },     { "diamond", "diamond", "rhombus" }, { "ring", "ring", "hoop" },
  { "heart", "heart", "heart" },  { "oval", "ellipse", "oval" },       { "hexagon", "hexagon", "hexagon" },
};
static const char *const size_names[][3] = {
  { "", "", "" }, { "small", "little", "tiny" }, { "large", "big", "huge" }
};
static const char *const number_names[] = { "no", "one", "two", "three" };

typedef struct {
  char s[160];
} Text;

static Text
say (const char *format, ...)
{
  Text t;
  va_list args;
  va_start (args, format);
  vsnprintf (t.s, sizeof t.s, format, args);
  va_end (args);
  return t;
}

#define LIST(...) ((const char *const[]) { __VA_ARGS__ })
#define PICK(r, ...) pick (r, LIST (__VA_ARGS__), sizeof LIST (__VA_ARGS__) / sizeof (char *))

static const char *
pick (Rng *r, const char *const *of, unsigned n)
{
  return of[rng_below (r, n)];
}

static const char *
colour (Rng *r, Colour c)
{
  if (c == GREY && rng_chance (r, .3f))
    return "gray";
  if (c == PURPLE && rng_chance (r, .25f))
    return "violet";
  return colour_names[c];
}

static Text
a (Text t)
{
  return say ("%s %s", strchr ("aeiou", t.s[0]) ? "an" : "a", t.s);
}

static Text
plural (const char *noun)
{
  size_t n = strlen (noun);
  return say ("%s%s", noun, noun[n - 1] == 'x' || noun[n - 1] == 's' ? "es" : "s");
}

/* ── shapes ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static Text
item_words (Rng *r, const Item *it, bool sized, unsigned many)
{
  const char *noun = shape_names[it->shape][rng_below (r, 3)];
  const char *size = sized && it->size != MEDIUM ? size_names[it->size][rng_below (r, 3)] : "";
  Text what = many > 1 ? plural (noun) : say ("%s", noun);
  Text t = say ("%s%s%s %s", size, *size ? " " : "", colour (r, it->colour), what.s);
  return many > 1 ? say ("%s %s", number_names[many], t.s) : a (t);
}

static Text
shapes_words (Rng *r, const Scene *s)
{
  bool sized = rng_chance (r, .6f);
  const Item *i = s->items;
  Text A = item_words (r, &i[0], sized, 1), t;

  if (s->n_items > 1 && i[0].colour == i[1].colour && i[0].shape == i[1].shape
      && (s->n_items == 2 || (i[0].colour == i[2].colour && i[0].shape == i[2].shape))
      && (s->layout == LOOSE || s->layout == ROW || s->layout == COLUMN)) {
    t = item_words (r, &i[0], sized && i[0].size == i[1].size, s->n_items);
    if (s->n_items == 3 && s->layout != LOOSE && rng_chance (r, .4f))
      t = say ("%s in a %s", t.s, s->layout == ROW ? "row" : "column");
  } else if (s->n_items == 1) {
    t = A;
    if (s->place != CENTRE && rng_chance (r, .8f)) {
      static const char *const sides[] = { "", "left", "right", "top", "bottom" };
      const char *side = sides[s->place];
      t = s->place >= AT_TOP ? say (rng_chance (r, .6f) ? "%s at the %s" : "%s near the %s", A.s, side)
                             : say (rng_chance (r, .6f) ? "%s on the %s" : "%s at the %s side", A.s, side);
    } else if (s->place == CENTRE && rng_chance (r, .2f))
      t = say ("%s in the %s", A.s, PICK (r, "centre", "middle", "center"));
  } else if (s->n_items == 2) {
    Text B = item_words (r, &i[1], sized, 1);
    const char *ab;
    switch (s->layout) {
    case LEFT_OF:
      if (rng_chance (r, .5f)) {
        ab = PICK (r, "%s left of %s", "%s to the left of %s", "%s on the left of %s",
                   "%s on the left and %s on the right", "%s left of %s");
        t = say (ab, A.s, B.s);
      } else {
        ab = PICK (r, "%s right of %s", "%s to the right of %s", "%s on the right of %s",
                   "%s on the right and %s on the left", "%s right of %s");
        t = say (ab, B.s, A.s);
      }
      break;
    case ABOVE:
      if (rng_chance (r, .5f))
        t = say (PICK (r, "%s above %s", "%s over %s", "%s at the top and %s at the bottom", "%s above %s"), A.s, B.s);
      else
        t = say (PICK (r, "%s below %s", "%s under %s", "%s beneath %s", "%s at the bottom and %s at the top"), B.s,
                 A.s);
      break;
    case INSIDE:
      t = rng_chance (r, .7f)
              ? say (PICK (r, "%s inside %s", "%s in %s", "%s within %s", "%s in front of %s"), A.s, B.s)
              : say (PICK (r, "%s behind %s", "%s around %s"), B.s, A.s);
      break;
    default: t = rng_chance (r, .5f) ? say ("%s and %s", A.s, B.s) : say ("%s and %s", B.s, A.s);
    }
    if (s->layout == LEFT_OF && rng_chance (r, .12f))
      t = say (PICK (r, "%s next to %s", "%s beside %s"), A.s, B.s);
  } else {
    Text B = item_words (r, &i[1], sized, 1), C = item_words (r, &i[2], sized, 1);
    if (s->layout == ROW)
      t = say (PICK (r, "%s, %s and %s in a row", "%s, %s and %s from left to right", "%s, %s and %s side by side"),
               A.s, B.s, C.s);
    else if (s->layout == COLUMN)
      t = say (PICK (r, "%s above %s above %s", "%s, %s and %s from top to bottom", "%s, %s and %s in a column"),
               A.s, B.s, C.s);
    else
      t = say ("%s, %s and %s", A.s, B.s, C.s);
  }
  if (!s->plain && rng_chance (r, .8f)) {
    const char *g = colour (r, s->ground);
    const char *an = strchr ("aeiou", g[0]) ? "an" : "a";
    if (rng_chance (r, .2f))
      t = say ("%s, %s background", t.s, g);
    else if (rng_chance (r, .35f))
      t = say ("%s on %s", t.s, g);
    else
      t = say ("%s on %s %s %s", t.s, an, g, PICK (r, "background", "background", "ground"));
  }
  return t;
}

/* ── landscapes ────────────────────────────────────────────────────────────────────────────────────────────────── */

static Text
hour (Rng *r, const Scene *s)
{
  switch (s->time) {
  case DAY:
    if (s->sun && rng_chance (r, .4f))
      return say ("%s", PICK (r, "on a sunny day", "in the sunshine", "in sunny weather"));
    return say ("%s", PICK (r, "by day", "under a blue sky", "in the daytime", "on a clear day", "at noon",
                            "under a bright blue sky"));
  case SUNSET:
    return say ("%s", PICK (r, "at sunset", "at sunset", "at dusk", "in the evening", "under a sunset sky",
                            "as the sun goes down"));
  case DAWN:
    return say ("%s", PICK (r, "at dawn", "at dawn", "at sunrise", "in the early morning", "under a dawn sky"));
  case NIGHT:
    if (s->stars && rng_chance (r, .3f))
      return say ("%s", PICK (r, "under the stars", "on a starry night", "under a starry sky"));
    if (s->moon && rng_chance (r, .25f))
      return say ("%s", PICK (r, "by moonlight", "in the moonlight"));
    return say ("%s", PICK (r, "at night", "at night", "under a night sky", "under the night sky", "by night",
                            "under a dark sky"));
  case OVERCAST:
    return say ("%s", PICK (r, "on a grey day", "under an overcast sky", "on a cloudy day", "under a grey sky"));
  default: {
    const char *c = colour (r, s->sky);
    return say ("under %s %s sky", strchr ("aeiou", c[0]) ? "an" : "a", c);
  }
  }
}

static Text
cloud_words (Rng *r, const Scene *s)
{
  Text t = s->cloud == WHITE && rng_chance (r, .4f) ? say ("cloud") : say ("%s cloud", colour (r, s->cloud));
  if (rng_chance (r, .12f))
    t = say ("%s %s", PICK (r, "fluffy", "soft"), t.s);
  if (s->n_clouds == 1)
    return a (t);
  return rng_chance (r, .6f) ? say ("%s %ss", number_names[s->n_clouds], t.s) : say ("%ss", t.s);
}

static Text
moon_words (Rng *r, const Scene *s)
{
  if (rng_chance (r, .3f))
    return say ("the moon");
  return say ("%s", s->moon == FULL_MOON ? PICK (r, "a full moon", "a round moon")
                                         : PICK (r, "a crescent moon", "a thin moon"));
}

static Text
land_words (Rng *r, const Scene *s, bool definite)
{
  Colour usual = s->land == SEA ? BLUE : s->land == DUNES ? YELLOW : s->land == MOUNTAINS ? N_COLOURS : GREEN;
  const char *c = s->land_colour == usual && rng_chance (r, .35f) ? "" : colour (r, s->land_colour);
  const char *gap = *c ? " " : "";
  switch (s->land) {
  case HILL: return a (say ("%s%s%s", c, gap, "hill"));
  case HILLS: return say ("%s%s%s", c, gap, PICK (r, "hills", "hills", "rolling hills"));
  case SEA:
    return rng_chance (r, .4f) ? a (say ("%s%s%s", c, gap, PICK (r, "sea", "ocean")))
                               : say ("the %s%s%s", c, gap, PICK (r, "sea", "ocean"));
  case FIELD: return a (say ("%s%s%s", c, gap, PICK (r, "field", "meadow", "plain")));
  case MOUNTAINS: return say ("%s%s%s", c, gap, PICK (r, "mountains", "mountains", "peaks"));
  default: return say ("%s%s%s", c, gap, definite ? "sand" : PICK (r, "dunes", "sand dunes"));
  }
}

static Text
tree_words (Rng *r, const Scene *s)
{
  Text t = s->tree == GREEN && rng_chance (r, .4f) ? say ("tree") : say ("%s tree", colour (r, s->tree));
  if (s->n_trees == 1)
    return a (t);
  return rng_chance (r, .6f) ? say ("%s %ss", number_names[s->n_trees], t.s) : say ("%ss", t.s);
}

static Text
landscape_words (Rng *r, const Scene *s, bool *first) /* first: the hour comes first */
{
  Text up[3], down = { "" }, t, when = hour (r, s);
  int n_up = 0;
  bool tell_time = s->time == DAY ? rng_chance (r, .75f) : rng_chance (r, .95f);

  if (s->n_clouds && rng_chance (r, .92f))
    up[n_up++] = cloud_words (r, s);
  if (s->moon && rng_chance (r, .75f))
    up[n_up++] = moon_words (r, s);
  if (s->sun && rng_chance (r, .55f))
    up[n_up++] = say ("%s", s->time == DAY   ? PICK (r, "the sun", "a yellow sun", "the sun")
                            : s->time == SUNSET ? PICK (r, "the setting sun", "the sun", "an orange sun")
                                                : PICK (r, "the rising sun", "the sun"));
  if (s->stars && rng_chance (r, .35f))
    up[n_up++] = say ("%s", PICK (r, "stars", "many stars", "bright stars"));
  if (n_up == 3 || (n_up == 2 && rng_chance (r, .3f)))
    n_up--;

  if (s->land != NO_LAND && (rng_chance (r, .92f) || !n_up)) {
    Text land = land_words (r, s, s->house || s->n_trees), tree = tree_words (r, s);
    Text home = a (say ("%s %s", colour (r, s->house_colour), PICK (r, "house", "house", "cottage", "hut")));
    const char *on = s->land == FIELD ? "in" : "on";
    if (s->house && s->n_trees && rng_chance (r, .6f))
      down = rng_chance (r, .5f) ? say ("%s and %s %s %s", home.s, tree.s, on, land.s)
                                 : say ("%s beside %s %s %s", home.s, tree.s, on, land.s);
    else if (s->house)
      down = rng_chance (r, .85f) ? say ("%s %s %s", home.s, on, land.s) : say ("%s with %s", land.s, home.s);
    else if (s->n_trees)
      down = rng_chance (r, .75f) ? say ("%s %s %s", tree.s, on, land.s) : say ("%s with %s", land.s, tree.s);
    else
      down = land;
  }

  Text sky = n_up == 0 ? say ("%s", "") : n_up == 1 ? up[0] : say ("%s and %s", up[0].s, up[1].s);
  if (n_up && *down.s)
    switch (rng_below (r, 5)) {
    case 0: t = say ("%s with %s", down.s, sky.s); break;
    case 1: t = say ("%s %s %s", down.s, strncmp (when.s, "under", 5) ? "under" : "with", sky.s); break;
    case 2: t = say ("%s %s %s", down.s, strncmp (when.s, "under", 5) ? "below" : "and", sky.s); break;
    case 3: t = say ("%s above %s", sky.s, down.s); break;
    default: t = say ("%s over %s", sky.s, down.s);
    }
  else if (n_up)
    t = rng_chance (r, .12f) ? say ("%s in the sky", sky.s) : sky;
  else if (*down.s)
    t = down;
  else { /* nothing but sky */
    switch (s->time) {
    case DAY: return say ("%s", PICK (r, "a clear blue sky", "a blue sky", "a clear sky", "an empty blue sky"));
    case SUNSET: return say ("%s", PICK (r, "a sunset", "a sunset sky", "a clear sky at sunset", "an evening sky"));
    case DAWN:
    return say ("%s", PICK (r, "a dawn sky", "a clear sky at dawn", "a sunrise", "a morning sky"));
    case NIGHT:
      return s->stars ? say ("%s", PICK (r, "a starry sky", "stars at night", "a starry night sky", "a night sky"))
                      : say ("%s", PICK (r, "a night sky", "a dark sky", "an empty night sky"));
    case OVERCAST: return say ("%s", PICK (r, "an overcast sky", "a grey sky", "a cloudy sky"));
    default: return a (say ("%s sky", colour (r, s->sky)));
    }
  }
  if (tell_time) {
    if (rng_chance (r, .1f))
      *first = true, t = say ("%s, %s", when.s, t.s);
    else
      t = say ("%s %s", t.s, when.s);
  }
  return t;
}

void
scene_words (const Scene *s, unsigned k, char *line, size_t room)
{
  Rng r = rng_new (s->look, 100 + k);
  bool hour_first = false;
  Text t = s->landscape ? landscape_words (&r, s, &hour_first) : shapes_words (&r, s);
  if (!hour_first && rng_chance (&r, .12f))
    t = say ("%s of %s", PICK (&r, "a picture", "a painting", "a drawing", "an illustration"), t.s);
  else if (rng_chance (&r, .05f))
    t = say ("%s, %s", t.s, PICK (&r, "beautiful", "soft light", "calm", "a painting", "storybook illustration"));
  if (rng_chance (&r, .06f) && t.s[0] >= 'a' && t.s[0] <= 'z')
    t.s[0] -= 'a' - 'A';
  if (rng_chance (&r, .04f))
    t = say ("%s.", t.s);
  snprintf (line, room, "%s", t.s);
}

void
scene_json (const Scene *s, FILE *out)
{
  static const char *const layouts[] = { "alone", "left_of", "above", "inside", "loose", "row", "column" };
  static const char *const places[] = { "centre", "left", "right", "top", "bottom" };
  static const char *const times[] = { "day", "sunset", "dawn", "night", "overcast", "plain" };
  static const char *const lands[] = { "none", "hill", "hills", "sea", "field", "mountains", "dunes" };
  static const char *const moons[] = { "none", "full", "crescent" };

  if (!s->landscape) {
    fprintf (out, "{\"kind\":\"shapes\",\"layout\":\"%s\",\"place\":\"%s\"", layouts[s->layout], places[s->place]);
    fprintf (out, ",\"ground\":\"%s\",\"items\":[", s->plain ? "plain" : colour_names[s->ground]);
    for (int i = 0; i < s->n_items; i++) {
      const Item *it = &s->items[i];
      fprintf (out, "%s{\"shape\":\"%s\",\"colour\":\"%s\",\"size\":\"%s\"", i ? "," : "", shape_names[it->shape][0],
               colour_names[it->colour], it->size == MEDIUM ? "medium" : size_names[it->size][0]);
      fprintf (out, ",\"x\":%.3f,\"y\":%.3f,\"r\":%.3f}", (double) it->x, (double) it->y, (double) it->r);
    }
    fputs ("]}\n", out);
    return;
  }
  fprintf (out, "{\"kind\":\"landscape\",\"time\":\"%s\"", times[s->time]);
  if (s->time == PLAIN_SKY)
    fprintf (out, ",\"sky\":\"%s\"", colour_names[s->sky]);
  fprintf (out, ",\"sun\":%s,\"stars\":%s", s->sun ? "true" : "false", s->stars ? "true" : "false");
  fprintf (out, ",\"moon\":\"%s\"", moons[s->moon]);
  if (s->n_clouds)
    fprintf (out, ",\"clouds\":{\"count\":%d,\"colour\":\"%s\"}", s->n_clouds, colour_names[s->cloud]);
  if (s->land != NO_LAND)
    fprintf (out, ",\"land\":{\"kind\":\"%s\",\"colour\":\"%s\",\"horizon\":%.3f}", lands[s->land],
             colour_names[s->land_colour], (double) s->horizon);
  if (s->n_trees)
    fprintf (out, ",\"trees\":{\"count\":%d,\"colour\":\"%s\"}", s->n_trees, colour_names[s->tree]);
  if (s->house)
    fprintf (out, ",\"house\":{\"colour\":\"%s\"}", colour_names[s->house_colour]);
  fputs ("}\n", out);
}
