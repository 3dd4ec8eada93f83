namespace Faith.Engine.Tasks;

/// <summary>
/// The country of a capital. The corrupted prompt names another capital. A fact has to be known, so what is held out is a capital
/// together with a phrasing.
/// </summary>
internal sealed class CapitalCountryTask : TaskGenerator
{
    private static readonly string[] Openings =
    [
        "Everyone knows that",
        "The teacher said that",
        "On this map",
        "We read that",
        "The answer is that",
        "It is true that",
        "The guide told us that",
        "I remember that",
    ];

    // {0} is the capital.
    private static readonly string[] Statements =
    [
        "{0} is the capital of",
        "{0} has long been the capital of",
        "the city of {0} is the capital of",
        "the city called {0} governs",
        "{0}, the capital of",
        "{0} is the seat of the government of",
    ];

    // Capitals and countries of one word each.
    private static readonly (string Capital, string Country)[] Facts = Words.Pairs(
        "Paris/France Berlin/Germany Madrid/Spain Rome/Italy Lisbon/Portugal Vienna/Austria Athens/Greece Oslo/Norway Stockholm/Sweden " +
        "Helsinki/Finland Copenhagen/Denmark Dublin/Ireland Warsaw/Poland Prague/Czechia Budapest/Hungary Bucharest/Romania Sofia/Bulgaria " +
        "Belgrade/Serbia Zagreb/Croatia Ljubljana/Slovenia Bratislava/Slovakia Tallinn/Estonia Riga/Latvia Vilnius/Lithuania Kyiv/Ukraine " +
        "Minsk/Belarus Moscow/Russia Bern/Switzerland Brussels/Belgium Tirana/Albania Reykjavik/Iceland Valletta/Malta Nicosia/Cyprus " +
        "Ankara/Turkey Cairo/Egypt Tunis/Tunisia Algiers/Algeria Rabat/Morocco Tripoli/Libya Khartoum/Sudan Nairobi/Kenya Kampala/Uganda " +
        "Kigali/Rwanda Lusaka/Zambia Harare/Zimbabwe Luanda/Angola Windhoek/Namibia Gaborone/Botswana Accra/Ghana Abuja/Nigeria " +
        "Dakar/Senegal Bamako/Mali Lilongwe/Malawi Maputo/Mozambique Tokyo/Japan Beijing/China Hanoi/Vietnam Bangkok/Thailand " +
        "Jakarta/Indonesia Kathmandu/Nepal Thimphu/Bhutan Dhaka/Bangladesh Islamabad/Pakistan Kabul/Afghanistan " +
        "Tehran/Iran Baghdad/Iraq Damascus/Syria Beirut/Lebanon Amman/Jordan Doha/Qatar Muscat/Oman Tashkent/Uzbekistan " +
        "Baku/Azerbaijan Yerevan/Armenia Tbilisi/Georgia Canberra/Australia Suva/Fiji Ottawa/Canada Havana/Cuba " +
        "Kingston/Jamaica Caracas/Venezuela Bogota/Colombia Quito/Ecuador Lima/Peru Santiago/Chile Montevideo/Uruguay " +
        "Asuncion/Paraguay Managua/Nicaragua Tegucigalpa/Honduras");

    public override string Name => "capital-country";

    public override string Description => "country of a capital: 'We read that Oslo is the capital of' → Norway; corrupted: another capital";

    private protected override long Size => (long)Openings.Length * Statements.Length * Facts.Length;

    private protected override TaskPrompt? At(long index, TaskSplit split, ref SplitMix64 random)
    {
        var (capital, country) = Take(ref index, Facts);
        var opening = Take(ref index, Openings);
        var statement = Take(ref index, Statements);
        if (SplitOf(capital, opening, statement) != split) return null;
        var start = random.Below(Facts.Length);
        for (var i = 0; i < Facts.Length; i++)
        {
            var other = Facts[(start + i) % Facts.Length];
            if (other.Capital == capital || SplitOf(other.Capital, opening, statement) != split) continue;
            string Prompt(string city) => opening + " " + string.Format(null, statement, city);
            return new(Prompt(capital), Prompt(other.Capital), Spaced(country), Spaced(other.Country));
        }
        return null;
    }
}
