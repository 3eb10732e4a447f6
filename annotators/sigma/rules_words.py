"""The rule parser's vocabulary. Words only; what is done with them stands in the other rules modules."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


# --- small words -----------------------------------------------------------------------------------------------------
INDEFINITE = words("a an some another other more additional several many few multiple various any extra")
DEFINITE = words("the this that these those each every all both")
POSSESSIVE = words("my your his her its our their")
NUMBERS = words("one two three four five six seven eight nine ten")
DETERMINERS = INDEFINITE | DEFINITE | POSSESSIVE | NUMBERS
PRONOUNS = words(
    "it he she they him them we us you i me this that these those one ones himself herself itself themselves"
    " someone somebody something anyone anything everyone everybody everything nobody nothing none there here"
    " others hers theirs mine yours things stuff what who which so"
)
PREPOSITIONS = words(
    "in on at near by under below beneath over above behind beside besides between among around inside into onto"
    " within with without along across through from to toward towards against next atop outside off upon for of"
    " during amid as like than via per up down"
)
PLACES = words(
    "in on at near by under below beneath over above behind beside between among around inside within along"
    " across through next atop outside upon onto into amid"
)
"""Prepositions after which a place or a neighbour is named."""
NOT_A_PLACE = PREPOSITIONS - PLACES
CLAUSE_WORDS = words(
    "that which who whom whose where when while because so if but then instead except excluding rather until"
    " after before"
)
ADVERBS = words(
    "too very really now here there away out off up down again please also well just only together around back"
    " forward straight slightly much more most less bit quite completely fully entirely everywhere alone left"
    " right hello hi high low fast slowly apart upside even still all totally little else"
)
NEGATIONS = words(
    "not no never without don't doesn't isn't aren't shouldn't won't didn't can't cannot wasn't weren't dont minus"
)
QUANTITIES = words("group lot lots bunch couple pair number crowd kind type variety series set touch hint")
"""Nouns that vanish before "of": a group of people is people."""
WANTING = words("want need like wish love enjoy prefer")
DISLIKING = words("hate dislike")
ORDINALS = words("second third fourth fifth")
"""After "a" they only say that one more comes: "add a second dog"."""
SHARES = words("one two three four some all each both any most half none many several few either")
"""Words that vanish before "of the"."""
FOREIGN = words(
    "un une el la le les los las il lo der die das ein eine einen dem den et y und avec con mit em um uma o os as"
    " do da het een met ajoute añade agrega remplace entferne ajouter agregar supprime"
)
"""Function words and verbs of other languages: a phrase with two of them is not understood."""

# --- verbs -----------------------------------------------------------------------------------------------------------
STRONG_VERBS = words(
    "be wear have hold carry become contain seem appear disappear vanish say eat sit throw sneeze yawn howl growl"
    " gallop nuzzle shout brush feed speak talk lay lie sleep wag stick pull bite lick graze kneel crouch lean"
    " jump stand smile laugh cry look pose wink frown grin scream sing listen hug swim bark run read wave fight"
    " remove replace include resemble stay stare gaze hang go get drive grab reach give put take turn come move"
    " open close push dig"
)
WEAK_VERBS = words(
    "ride walk dance fly surf ski skate face show play hit cut drink watch cook kiss kick catch use touch climb"
    " chase sail reflect display point blink float glow shine fall roll flow burn melt swing write draw dress"
    " smoke bend juggle serve cross shake rest stretch pet pick eat bloom land park sweat bleed rain snow"
    " pant drool beg roar"
)
"""Verbs that are nouns as well, or adjectives: what follows decides."""
VERBS = STRONG_VERBS | WEAK_VERBS
INFLECTED = {
    "is": "be", "are": "be", "was": "be", "were": "be", "am": "be", "been": "be", "being": "be", "had": "have",
    "has": "have", "having": "have", "wore": "wear", "held": "hold", "ate": "eat", "sat": "sit", "stood": "stand",
    "became": "become", "said": "say", "ran": "run", "lying": "lie", "carries": "carry", "cries": "cry", "flies": "fly",
    "looked": "look", "turned": "turn", "contained": "contain", "smiled": "smile", "rode": "ride", "worn": "wear",
    "threw": "throw", "drank": "drink", "slept": "sleep", "flew": "fly", "goes": "go", "it's": "be",
}  # fmt: skip
MODALS = words("should would could must will can shall may might to needs need ought")
_MODAL_PHRASES = (
    "has to; have to; had to; has got to; is to; are to; is supposed to; are supposed to; is meant to; are meant to;"
    " is going to; are going to; ought to; needs to; need to"
)
MODAL_PHRASES = tuple(sorted((tuple(phrase.split()) for phrase in _MODAL_PHRASES.split("; ")), key=len, reverse=True))
"""What stands for a modal verb, the longest first."""
POSES = {
    "smile": "smiling", "laugh": "laughing", "cry": "crying", "run": "running", "walk": "walking", "jump": "jumping",
    "sit": "sitting", "stand": "standing", "sleep": "sleeping", "lie": "lying", "lay": "lying", "fly": "flying",
    "swim": "swimming", "dance": "dancing", "yawn": "yawning", "kneel": "kneeling", "crouch": "crouching",
    "surf": "surfing", "ski": "skiing", "bark": "barking", "howl": "howling", "frown": "frowning", "wink": "winking",
    "grin": "grinning", "sing": "singing", "fight": "fighting", "gallop": "galloping", "graze": "grazing",
    "sneeze": "sneezing", "growl": "growling", "scream": "screaming", "float": "floating", "glow": "glowing",
    "burn": "burning", "melt": "melting", "bloom": "blooming", "wave": "waving",
}  # fmt: skip
"""Verbs of a visible state, and the modifier that a detector may see."""
OWNING = words("wear hold carry contain include feature")
SHOWING = words("say show display read reflect")
SEEMING = words("look seem appear feel smell taste")
LEAVING = words("disappear vanish leave fade go")
STATE_CHANGES = words(
    "replaced turned changed swapped converted transformed switched exchanged substituted morphed made"
)
TAKEN_AWAY = words("removed deleted gone erased absent missing hidden eliminated invisible cropped")
BROUGHT_IN = words("added placed inserted put present visible drawn included")
COVERINGS = words(
    "covered topped filled decorated dressed surrounded wrapped full painted adorned coated garnished loaded"
    " stuffed equipped crowned sprinkled printed tiled lined crowded drawn"
)

# --- verbs that begin an instruction ---------------------------------------------------------------------------------
PRESENT = words("there here visible present seen shown included")
"""What is not these is removed."""
JUDGING = words("better nicer nice good great best cool lovely")
"""Praise, which describes no result: "would look better in blue"."""
CAUSING = words("let have make get show keep render")
ADDING = words(
    "add put place insert include create attach install hang plant sprinkle scatter generate introduce bring"
    " position stick give draw superimpose overlay wear sketch build throw pour set mount write engrave print drop"
    " apply duplicate copy clone paste double use"
)
MOVING = words("put place set position stick hang bring")
"""Verbs that add what is new, and give another place to what is there."""
REMOVING = words(
    "remove delete erase eliminate discard omit clear exclude hide subtract rid take crop cut strip edit photoshop"
    " lose ditch scrap dump banish purge bin trash"
)
REMOVING_WITH_PARTICLE = words(
    "take cut crop edit photoshop get throw wipe rid clone paint rub brush airbrush leave scrub"
)
TAKING = words("take cut crop edit photoshop wipe clear clean strip")
"""Of these, the verbs whose particle may stand anywhere after the object: "take the cat out of the box"."""
NOUN_VERBS = words("bin trash dump scrap")
"""Verbs that are more often nouns: a determiner must follow."""
EMPTYING = words("clear empty rid strip clean")
"""Verbs whose object stays and loses what follows "of"."""
REPLACING = words("replace swap exchange substitute switch trade")
CHANGING = words(
    "change turn convert transform modify alter morph adjust transmute vary recast increase decrease reduce"
    " enhance boost improve desaturate"
)
COLOURING = words("paint color colour dye recolor recolour tint repaint colorize colourise colorise")
COVERING = words("cover dress fill decorate top wrap surround adorn clothe coat garnish stuff equip")
STATES = {
    "open": "open", "close": "closed", "shut": "closed", "enlarge": "large", "shrink": "small", "brighten": "bright",
    "darken": "dark", "lighten": "light", "clean": "clean", "empty": "empty", "break": "broken", "light": "lit",
    "wet": "wet",
    "blur": "blurry", "rotate": "rotated", "flip": "flipped", "bend": "bent", "cut": "cut", "slice": "sliced",
    "shave": "shaved", "lengthen": "long", "shorten": "short", "widen": "wide", "straighten": "straight",
    "age": "old", "melt": "melted", "burn": "burning", "freeze": "frozen", "tilt": "tilted", "crack": "cracked",
    "fold": "folded", "polish": "shiny", "sharpen": "sharp", "invert": "inverted", "move": "", "resize": "",
    "zoom": "", "swing": "", "raise": "raised", "lower": "lowered", "lift": "raised",
}  # fmt: skip
"""Verbs that change an attribute, and the modifier of the result; empty where no detector could see it."""
EDIT_VERBS = CAUSING | ADDING | REMOVING | REPLACING | CHANGING | COLOURING | COVERING | frozenset(STATES)
LATER_VERBS = EDIT_VERBS - words(
    "have get show light cut clean empty open age top stick set print sketch color colour paint keep"
)
"""Verbs that begin a second edit after "and": those that are not as likely to go on with the first."""
LONG_VERBS = words("change remove replace delete erase insert convert transform substitute recolor paint place create")
"""Verbs long enough to be recognised with one letter wrong."""
SWAPPABLE = words("add put make turn have swap give")
"""Short verbs, recognised with two neighbouring letters swapped only."""
SWAPPABLE_VERBS = tuple(sorted(SWAPPABLE))

# --- adjectives ------------------------------------------------------------------------------------------------------
COLOURS = words(
    "red orange yellow green blue purple pink brown black white grey gray silver gold golden beige tan violet"
    " magenta cyan teal turquoise maroon navy crimson scarlet ivory lavender indigo olive blond blonde brunette"
    " khaki peach"
)
ADJECTIVES = COLOURS | words(
    "dark light bright pale big bigger small smaller large larger huge giant tiny little tall taller short"
    " shorter long longer wide wider narrow thick thin fat thinner fatter old older young younger new newer happy"
    " sad angry scared surprised tired sleepy bald shirtless naked bare wet dry dirty clean cleaner messy muddy"
    " empty full open closed broken round square rectangular oval flat curly straight wavy spiky fluffy furry"
    " hairy smooth rough shiny sharp wooden golden metallic metal rusty striped spotted plain patterned floral"
    " checkered plaid colorful colourful rainbow transparent clear cloudy sunny snowy rainy stormy foggy misty"
    " starry frozen hot cold warm steaming fresh rotten ripe raw cooked fried grilled burnt baked toasted melted"
    " bent torn cracked ancient modern futuristic vintage antique realistic cute ugly pretty beautiful scary evil"
    " crazy funny awake asleep alive dead pregnant male female asian african american chinese different same"
    " visible invisible fancy elegant casual formal bushy leafy grassy sandy rocky icy muscular skinny slim chubby"
    " heavy strong soft hard bold blurry deep shallow high higher low lower lit dim brighter darker lighter"
    " upright vertical horizontal whole half electric digital fake real busy crowded quiet calm rich poor sick"
    " healthy hungry drunk serious nervous excited bored confused"
)
LAMPS = words("traffic street stop brake tail ceiling neon night christmas fairy desk porch wall head moon sun")
"""Before "light" they make it a noun: the street light is no light street."""
COMPARATIVES = frozenset(word for word in ADJECTIVES - COLOURS if word.endswith("er"))
"""Adjectives that speak of a thing that is there already."""
SHADES = COLOURS | words("dark light bright pale deep soft warm pastel neon")
"""What makes a colour of the colour after it: "a dark red"."""
ING_NOUNS = words(
    "building painting ring king wing ceiling string earring wedding thing spring evening morning clothing swing"
    " icing drawing railing awning pudding lightning stocking dressing topping filling frosting sibling duckling"
    " viking parking living dining washing shopping cutting sling fencing lighting beijing seasoning legging"
    " carving"
)
ED_NOUNS = words("bed shed sled seaweed moped steed reed weed speed feed breed hundred naked red teddy embed")

# --- nouns -----------------------------------------------------------------------------------------------------------
PARTS = words(
    "eye eyes hair head face fur tail leg legs ear ears nose skin mouth mane arm arms hand hands feet foot neck"
    " body teeth tongue lips paws paw wings beak trunk hairstyle haircut eyebrows nails feathers belly chest"
    " tusks tusk back fingers spots stripes"
)
"""Parts that a living thing has already: "have blue eyes" changes them, it does not add them."""
ATTRIBUTE_NOUNS = words(
    "color colour colors colours size shape material texture pose expression pattern design shade breed surface"
)
LOOKS = words("look style feel vibe tone mood effect filter")
"""Nouns for how something looks: of the image as a whole, or of a thing."""
TEXTS = words("word words text letter letters writing caption phrase lettering")
IMAGES = words("image picture photo photograph scene pic frame shot photography snapshot")
ATMOSPHERE = words(
    "weather season lighting style mood atmosphere day daytime night nighttime time contrast brightness"
    " saturation exposure hue vibe everything background-style tone filter quality resolution composition"
)
GLOBAL_NOUNS = words(
    "winter summer spring autumn fall night nighttime daytime day dawn dusk sunset sunrise evening morning noon"
    " midnight rain snow fog mist storm thunderstorm blizzard snowstorm weather christmas halloween"
    " halloween-themed season cartoon watercolor watercolour sketch drawing painting anime comic mosaic pixelart"
    " pixel-art collage poster style sepia grayscale greyscale monochrome noir vintage cyberpunk steampunk"
    " impressionism impressionist cubism ghibli render rendering engraving illustration lego claymation realism"
    " photorealism film movie postcard polaroid"
)
DEPICTIONS = words(
    "painting drawing sketch poster mosaic lego engraving snow collage comic film movie postcard polaroid"
)
"""Words for a style or a weather that, named as what is changed, are things in the image."""
GLOBAL_ADJECTIVES = words(
    "rainy snowy foggy misty sunny cloudy stormy wintry winter summery autumnal dark darker bright brighter"
    " vintage sepia grayscale greyscale monochrome cinematic photorealistic realistic cartoonish futuristic"
    " nighttime dreamy night gloomy overcast retro surreal blurry sharper sharp vibrant saturated colorful moody"
    " warmer colder spooky"
)
EFFECTS = words(
    "rain snow fog mist contrast brightness saturation sharpness sunlight sunshine light lighting shadows filter"
    " effect noise grain blur vignette warmth exposure weather snowfall rainfall haze glow"
    " style look feel vibe tone mood"
)
"""What, added to no particular place, changes the image as a whole."""
STUFF = words("grass water leaves hay snow sand food fruit ground floor road sky air")
"""What mostly lies in the image already when an animal eats it or stands on it."""
SCENES = words(
    "jungle zoo forest woods field meadow beach ocean sea river lake snow space desert city wild sky water street"
    " air rain mountains mountain park garden savannah savanna moon mars underwater pool kitchen office"
    " living-room stadium house town village farm countryside night mud clouds sand dark"
)
BACKDROPS = words("background backdrop scenery")
SCENERY = (
    SCENES
    | BACKDROPS
    | words("scene landscape skyline sunset sunrise cityscape gradient haze valley canyon coast shore horizon wall")
)
"""What, behind a thing that was there already, can only be its background."""
MATERIALS = words(
    "wood wooden metal metallic glass marble stone brick plastic steel leather concrete paper gold silver copper"
    " bronze chocolate ice granite tile ceramic cardboard straw bamboo rubber velvet denim wool cotton silk lego"
    " clay porcelain"
)
SURFACES = words("fabric bricks stripes dots checks tiles")
"""What, covering a thing, is its new surface, as the materials are."""
UNNAMED = (
    ("something", "else"),
    ("something", "different"),
    ("anything", "else"),
    ("another", "thing"),
    ("another", "object"),
)
"""What takes the place of a thing without being named."""
ABSTRACT = words("speed time way direction line row circle front side pose fun peace danger motion sync action style")
"""What may follow a preposition without being a thing or a place to be seen."""
GARMENTS = words(
    "shirt suit dress jacket coat hat uniform costume hoodie sweater jersey t-shirt wetsuit skirt jeans pants"
    " shorts vest tuxedo gown robe apron kimono bikini swimsuit red blue black white green yellow pink purple grey"
    " gray brown orange"
)
IRREGULAR_PLURALS = {
    "men": "man", "women": "woman", "people": "person", "children": "child", "feet": "foot", "teeth": "tooth",
    "mice": "mouse", "geese": "goose", "knives": "knife", "leaves": "leaf", "loaves": "loaf", "wolves": "wolf",
}  # fmt: skip

_POLITE = (
    "i would like to see; i'd like to see; i want to see; i wish to see; i need to see; can we see; let us see; "
    "can i see; could i see; could we see; let me see; may i see; please; kindly; can you; could you; would you; will"
    " you; can we; could we; can i; could i; may i; i want you to; i need you to; i want to; i want; i wish; i hope;"
    " i'd like you to; i'd like to; i'd like; i would like you to; i would like to; i would like; i need; we need;"
    " i'd rather; i would rather; would it be possible to; is it possible to; is there a way to; how do i; how do"
    " you; how about; how about we; what about; what if; what if you; what if we; why not; why don't you; why don't"
    " we; what would it look like if; what would happen if; how would it look if; imagine; imagine if; suppose; try"
    " to; try; go ahead and; just; now; then; next; also; hey; hi; hello; ok; okay; so; and; let's; lets; let us; us;"
    " you should; you could; you can; we should; we could; we can; you must; be able to; make sure; make sure that;"
    " make it so; make it so that; make sure to; maybe; perhaps; that; would you mind; do you mind; mind; be sure to;"
    " see to it that; actually; simply; it should be that; the goal is to; your task is to; edit the image to; edit"
    " the image so that; edit this image to; edit the photo to; edit the picture to; modify the image to; modify the"
    " image so that; change the image so that; need to; first; do you think; i was wondering if; i wonder if; is"
    " there any chance; any chance; is there any way to; if you can; if possible; i would love to see; i'd love to"
    " see; i would love; i'd love; i would prefer; i'd prefer; i prefer; would it be possible for; is it possible"
    " for; how would; what would; is it ok to; is it okay to; is it ok if; is it okay if; it would be nice if; it"
    " would be nice to; it would be great if; it would be great to; it would be better if; wouldn't it be nice to;"
    " wouldn't it be nice if; wouldn't it be great to; wouldn't it be great if; i think; digitally; should we; do;"
    " kind of; quickly; carefully; in the image; in the picture; in this image; in the photo; in this picture"
)
POLITE = tuple(sorted((tuple(phrase.split()) for phrase in _POLITE.split("; ")), key=len, reverse=True))
"""What may stand before the instruction proper, the longest first."""
POLITE_BY_FIRST = {first: tuple(p for p in POLITE if p[0] == first) for first in {phrase[0] for phrase in POLITE}}
_CLOSING = (
    "please; thanks; thank you; for me; if possible; if you can; if you could; would be nice; would be great; would be"
    " good; would be cool; would be lovely; would be better"
)
CLOSING = tuple(sorted((tuple(phrase.split()) for phrase in _CLOSING.split("; ")), key=len, reverse=True))
"""What may stand after the instruction proper."""
CLOSING_BY_LAST = {last: tuple(p for p in CLOSING if p[-1] == last) for last in {phrase[-1] for phrase in CLOSING}}
PHRASES = {
    ("rather", "than"): "instead of", ("in", "place", "of"): "instead of", ("no", "one"): "no people",
    ("a", "little", "bit"): "slightly", ("a", "bit"): "slightly", ("a", "tad"): "slightly", ("a", "lot"): "much",
}  # fmt: skip
"""Phrases of several words, and the one wording that the rules know for them."""
