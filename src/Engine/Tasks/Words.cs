namespace Faith.Engine.Tasks;

/// <summary>Word lists as text, which reads better than a hundred quoted strings.</summary>
internal static class Words
{
    /// <summary>The words of a list, at spaces.</summary>
    public static string[] Split(string list) => list.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Pairs written a/b, at spaces.</summary>
    public static (string First, string Second)[] Pairs(string list) =>
        [.. Split(list).Select(pair => pair.Split('/')).Select(pair => (pair[0], pair[1]))];
}
