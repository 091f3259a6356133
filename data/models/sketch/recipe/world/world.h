/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The picture world: scenes with a known truth.  One Scene is drawn from a counter-based generator; the picture, the
 * captions and the JSON are three views of it, so a caption can leave things out but never be wrong.
 *
 *   scene_new (seed, index)  -> Scene      truth: what is there, in which colour, where
 *   scene_draw (scene, size) -> pixels     picture; jitter (cloud outlines, star places …) follows scene->look
 *   scene_words (scene, k)   -> line       k-th phrasing
 *   scene_json (scene)       -> line       the truth itself
 *
 * Plain C11 and libm, nothing else, so that it also builds where only a compiler is.  Coordinates are shares of the
 * picture: x to the right, y down, 0 … 1; a radius is a share of the side.
 * To add a subject: a field in Scene, a choice in truth.c, a painter in draw.c, a phrase in words.c, a key in json.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum { BLACK, WHITE, RED, GREEN, YELLOW, BLUE, BROWN, ORANGE, PINK, PURPLE, GREY, N_COLOURS } Colour;
typedef enum { CIRCLE, SQUARE, TRIANGLE, STAR, DIAMOND, RING, HEART, OVAL, HEXAGON, N_SHAPES } Shape;
typedef enum { MEDIUM, SMALL, LARGE } Size;
typedef enum { ALONE, LEFT_OF, ABOVE, INSIDE, LOOSE, ROW, COLUMN } Layout; /* how items[0] lies to items[1] … */
typedef enum { CENTRE, AT_LEFT, AT_RIGHT, AT_TOP, AT_BOTTOM } Place;
typedef enum { DAY, SUNSET, DAWN, NIGHT, OVERCAST, PLAIN_SKY, N_TIMES } Time;
typedef enum { NO_LAND, HILL, HILLS, SEA, FIELD, MOUNTAINS, DUNES } Land;
typedef enum { NO_MOON, FULL_MOON, CRESCENT } Moon;

typedef struct {
  Shape shape;
  Colour colour;
  Size size;
  float x, y, r;
} Item;

typedef struct {
  bool landscape;
  uint64_t look; /* key of every random detail that no caption names */

  /* shapes */
  Layout layout;
  Place place; /* where a lone item lies */
  int n_items;
  Item items[3];
  Colour ground;
  bool plain; /* an unnamed pale ground; else the captions may name it */

  /* landscapes */
  Time time;
  Colour sky; /* of a PLAIN_SKY */
  int n_clouds;
  Colour cloud;
  bool sun, stars;
  Moon moon;
  Land land;
  Colour land_colour;
  float horizon; /* y where the land begins */
  int n_trees;
  Colour tree;
  bool house;
  Colour house_colour;
} Scene;

/* Counter-based: the n-th number of a key depends on nothing else, so streams do not disturb each other. */
typedef struct {
  uint64_t key, n;
} Rng;

Rng      rng_new (uint64_t seed, uint64_t stream);
uint32_t rng_below (Rng *r, uint32_t n);         /* 0 … n-1 */
float    rng_range (Rng *r, float lo, float hi); /* [lo, hi) */
bool     rng_chance (Rng *r, float p);

extern const char *const colour_names[N_COLOURS];

Scene scene_new (uint64_t seed, uint64_t index);
void  scene_draw (const Scene *s, int size, uint8_t *rgb /* [size, size, 3] */);
void  scene_words (const Scene *s, unsigned k, char *line, size_t room);
void  scene_json (const Scene *s, FILE *out);
