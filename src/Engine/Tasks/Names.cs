namespace Faith.Engine.Tasks;

/// <summary>First names, by the pronoun that usually goes with them.</summary>
internal static class Names
{
    public static readonly string[] Female = Words.Split(
        "Alice Anna Beth Carla Celia Chloe Clara Daisy Diana Edith Elena Ella Emily Emma Erin Esther Eva Fiona Flora Freya Gemma Grace " +
        "Greta Hannah Hazel Heidi Helen Holly Ida Irene Iris Isabel Jane Jenny Joan Judith Julia Karen Kate Laura Lena Linda Lucy Lydia " +
        "Maria Martha Mary Mia Molly Nadia Nina Nora Olivia Paula Rosa Ruth Sarah Sofia Stella Vera");

    public static readonly string[] Male = Words.Split(
        "Adam Alan Albert Anton Arthur Ben Boris Brian Bruno Carl Cyril David Dennis Edgar Edwin Eric Ethan Felix Frank Fred George Gilbert " +
        "Harry Henry Hugo Ian Isaac Ivan Jack Jacob James Joel John Jonas Karl Keith Leo Leon Liam Louis Lucas Luke Mark Martin Max Nathan " +
        "Neil Noah Oliver Oscar Otto Owen Paul Peter Ralph Robert Simon Thomas Victor Walter");

    public static readonly string[] All = [.. Female, .. Male];
}
