namespace Faith.Engine.Tasks;

/// <summary>
/// The kind of a thing. The corrupted prompt names a thing of another kind. What belongs to what has to be known, so what is held out is
/// a thing together with a phrasing.
/// </summary>
internal sealed class HypernymyTask : TaskGenerator
{
    private static readonly string[] Openings =
    [
        "The chapter is about",
        "They spoke about",
        "We wrote a song about",
        "The children asked about",
        "He dreamed of",
        "She sent us pictures of",
        "The sign warned of",
        "Nobody had heard of",
    ];

    // {0} is the thing, in the plural.
    private static readonly string[] Lists =
    [
        "{0} and other",
        "{0} or other",
        "{0} and all other",
        "{0} and some other",
        "{0}, and not of other",
        "{0} rather than other",
    ];

    // The kinds, each with its two names, and things of that kind.
    private static readonly (string[] Kinds, string[] Things)[] Groups =
    [
        Group("birds", "sparrows robins eagles hawks owls crows swans geese pigeons finches herons falcons"),
        Group("fish", "trout salmon herrings sardines carp eels cods sharks perches mackerels anchovies haddocks"),
        Group("insects bugs", "ants bees wasps beetles moths crickets mosquitoes butterflies termites fleas grasshoppers flies"),
        Group("fruits fruit", "apples pears plums cherries peaches grapes lemons oranges bananas melons apricots figs"),
        Group("vegetables veggies", "carrots onions turnips radishes leeks cabbages beets cucumbers parsnips peas beans spinach"),
        Group("tools implements", "hammers saws chisels pliers wrenches screwdrivers drills axes shovels rakes files spanners"),
        Group("vehicles", "cars trucks buses bicycles trams tractors lorries vans motorcycles wagons taxis scooters"),
        Group("instruments", "violins pianos flutes trumpets drums harps clarinets cellos oboes banjos trombones guitars"),
        Group("clothes garments", "shirts trousers skirts jackets socks gloves coats scarves dresses sweaters shorts hats"),
        Group("trees", "oaks pines elms birches maples willows cedars beeches poplars firs spruces ashes"),
        Group("flowers blossoms", "roses tulips daisies lilies orchids violets daffodils poppies irises carnations lilacs peonies"),
        Group("furniture furnishings", "chairs tables sofas desks beds stools benches wardrobes shelves cupboards dressers armchairs"),
        Group("sports games", "football tennis cricket rugby golf hockey chess badminton volleyball squash polo bowling"),
        Group("drinks beverages", "coffee tea milk juice lemonade beer wine cider cocoa whisky rum soda"),
        Group("gems jewels", "diamonds rubies emeralds sapphires opals topazes pearls garnets amethysts jades agates zircons"),
        Group("weapons arms", "swords daggers spears rifles pistols cannons bows muskets lances grenades sabres clubs"),
    ];

    private static readonly (string[] Kinds, string Thing)[] Things =
        [.. Groups.SelectMany(group => group.Things.Select(thing => (group.Kinds, thing)))];

    public override string Name => "hypernymy";

    public override string Description => "kind of a thing: 'They spoke about ants and other' → insects, bugs; corrupted: a thing of another kind";

    private protected override long Size => (long)Openings.Length * Lists.Length * Things.Length;

    private protected override TaskPrompt? At(long index, TaskSplit split, ref SplitMix64 random)
    {
        var (kinds, thing) = Take(ref index, Things);
        var opening = Take(ref index, Openings);
        var list = Take(ref index, Lists);
        if (SplitOf(thing, opening, list) != split) return null;
        var start = random.Below(Things.Length);
        for (var i = 0; i < Things.Length; i++)
        {
            var other = Things[(start + i) % Things.Length];
            if (ReferenceEquals(other.Kinds, kinds) || SplitOf(other.Thing, opening, list) != split) continue;
            string Prompt(string what) => opening + " " + string.Format(null, list, what);
            return new(Prompt(thing), Prompt(other.Thing), Spaced(kinds), Spaced(other.Kinds));
        }
        return null;
    }

    private static (string[] Kinds, string[] Things) Group(string kinds, string things) => (Words.Split(kinds), Words.Split(things));
}
