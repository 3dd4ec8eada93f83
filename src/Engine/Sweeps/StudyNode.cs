namespace Faith.Engine.Sweeps;

/// <summary>A piece of a study file.</summary>
/// <param name="Line">Where it begins, counted from 1.</param>
internal abstract record StudyNode(long Line);

/// <summary>A text or a number, as it is written.</summary>
internal sealed record StudyText(string Text, long Line) : StudyNode(Line);

/// <summary>A list.</summary>
internal sealed record StudyList(IReadOnlyList<StudyNode> Items, long Line) : StudyNode(Line);

/// <summary>Keys and their values; no key comes twice.</summary>
internal sealed record StudyMap(IReadOnlyList<StudyEntry> Entries, long Line) : StudyNode(Line);

/// <summary>A key and its value.</summary>
internal sealed record StudyEntry(string Key, long Line, StudyNode Value);
