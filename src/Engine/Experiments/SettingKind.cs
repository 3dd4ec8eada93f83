namespace Faith.Engine.Experiments;

/// <summary>What the text of a <see cref="RunSetting"/> says, for files that tell kinds of values apart.</summary>
public enum SettingKind
{
    /// <summary>A name.</summary>
    Text,
    /// <summary>A whole number.</summary>
    Whole,
    /// <summary>A number.</summary>
    Number,
    /// <summary>Numbers with commas.</summary>
    Numbers,
    /// <summary>true or false.</summary>
    Truth,
}
