package duplex

// french is what the programs say where the environment asks for French.
var french = texts{
	serverHelp: `serveur reçoit un fichier de client, ou échange deux fichiers avec lui, dans les
deux sens à la fois, par UDP : chiffré, vérifié, à travers tout réseau.

  serveur copie.bin 4000            recevoir un fichier ; en face :
                                      client photo.bin HÔTE 4000
  serveur moi.bin copie.bin 4000    envoyer moi.bin et recevoir copie.bin ;
                                    en face :
                                      client photo.bin copie.bin HÔTE 4000

Arguments, distingués par leur nombre
  serveur <fichier_recu> <port_local>
  serveur <fichier_a_envoyer> <fichier_recu> <port_local>

<fichier_recu> est remplacé s'il existe, d'un seul coup, et seulement quand
chaque octet est vérifié. <port_local> est un port UDP, et le port TCP de même
numéro pour les clients qu'UDP n'atteint pas ; --udp ou --tcp n'en garde qu'un.
0 en choisit un libre. Le port est ouvert en IPv4 et en IPv6 ; l'adresse
d'écoute est annoncée sur la sortie d'erreur.

Le premier client est servi, puis le programme se termine. Personne n'a à dire
qui il est : le premier qui atteint le port est le client. Un client muet
pendant 30 secondes est tenu pour perdu.

--trace <fichier> y écrit ce qui se passe, et uft plot le dessine. Un fichier
dont le nom commence par un tiret s'écrit ./-nom. Les messages sont en français
si LC_ALL, LC_MESSAGES ou LANG le demande.

Codes de sortie : 0 fait et vérifié, 1 autre (port occupé, ...), 2 usage,
3 source impossible à ouvrir, 4 refus, ou un sens contre deux, 5 connexion
perdue, 6 contenu abîmé ou modifié, 7 disque de destination, 8 issue inconnue,
130 interrompu.
`,
	clientHelp: `client envoie un fichier à serveur, ou échange deux fichiers avec lui, dans les
deux sens à la fois, par UDP : chiffré, vérifié, à travers tout réseau.

  client photo.bin HÔTE 4000              envoyer un fichier ; en face :
                                            serveur copie.bin 4000
  client photo.bin copie.bin HÔTE 4000    envoyer photo.bin et recevoir
                                          copie.bin ; en face :
                                            serveur moi.bin copie.bin 4000

Arguments, distingués par leur nombre
  client <fichier_a_envoyer> <adr_IP_dist> <port_dist>
  client <fichier_a_envoyer> <fichier_recu> <adr_IP_dist> <port_dist>
         [<port_local>]

<adr_IP_dist> est un nom, une adresse IPv4 ou IPv6. <fichier_recu> est remplacé
s'il existe, d'un seul coup, et seulement quand chaque octet est vérifié. Sans
<port_local>, le système choisit le port d'où partent les datagrammes. Si UDP
reste une seconde sans réponse, TCP est essayé aussi ; --udp l'interdit, --tcp
passe par TCP d'emblée.

Un serveur qui n'est pas encore là a 10 secondes pour arriver ; muet ensuite
pendant 30 secondes, il est tenu pour perdu. Il n'a pas à prouver qui il est :
le serveur est celui qui répond sur ce port.

--trace <fichier> y écrit ce qui se passe, et uft plot le dessine. Un fichier
dont le nom commence par un tiret s'écrit ./-nom. Les messages sont en français
si LC_ALL, LC_MESSAGES ou LANG le demande.

Codes de sortie : 0 fait et vérifié, 1 autre (port occupé, ...), 2 usage,
3 source impossible à ouvrir, 4 refus, ou un sens contre deux, 5 pas de réponse
ou connexion perdue, 6 contenu abîmé ou modifié, 7 disque de destination,
8 issue inconnue, 130 interrompu.
`,
	serverForms: "serveur <fichier_recu> <port_local>, ou " +
		"serveur <fichier_a_envoyer> <fichier_recu> <port_local>",
	clientForms: "client <fichier_a_envoyer> <adr_IP_dist> <port_dist>, ou " +
		"client <fichier_a_envoyer> <fichier_recu> <adr_IP_dist> <port_dist> [<port_local>]",

	usage:       "%s ; voir %s --help",
	wrongNumber: "le nombre d'arguments, %d, ne convient pas : écrire %s",
	noArguments: "rien à faire : écrire %s",
	option:      "l'option %s n'existe pas ; si c'est un fichier, écrire « ./%[1]s »",
	noValue:     "%s demande une valeur à sa suite",
	badFile:     "%q ne peut pas être le nom d'un fichier",
	badPort:     "port %q : un port est un nombre de %d à 65535",
	badHost:     "hôte %q : ce n'est ni un nom ni une adresse IP",
	hostAndPort: "hôte %q : le port est un argument à part : %s %s",
	sameFile:    "%s est à envoyer et à écrire en même temps : il faut deux fichiers",
	sameTrace:   "%s ne peut pas être à la fois la trace et un fichier du transfert",

	bothCarriers: "--tcp et --udp se contredisent",

	listening: "à l'écoute sur %s",
	connected: "connecté à %s",
	overTCP:   "pas de réponse de %s par UDP : le transfert passe par TCP",
	sent:      "envoyé %s : %s en %s, %s, %s",
	received:  "reçu %s : %s en %s, %s, %s",
	already:   "%s : ce même fichier (%s) était déjà là et n'a pas été renvoyé, %s",
	stray:     "aucun fichier n'y a été échangé (%s) ; toujours à l'écoute",

	portInUse:   "le port %s est occupé : terminer le programme qui l'utilise, ou choisir un autre port",
	noSocket:    "pas de socket : %s",
	noTrace:     "impossible d'écrire la trace : %s",
	badTrace:    "la trace est incomplète : %s",
	shortTrace:  "il manque %d événements à la trace : le disque ne les a pas pris à temps",
	noAnswer:    "pas de réponse de %s en %s : serveur y est-il lancé, et UDP ou TCP passent-ils ?",
	unknownHost: "l'hôte %q est inconnu",
	unreachable: "%s est inaccessible : %s",
	silence:     "la connexion est perdue : plus rien de l'autre côté depuis %s",
	lost:        "la connexion est perdue : %s",
	restarted:   "la connexion est perdue : le programme de l'autre côté a été arrêté",
	mute:        "l'autre côté n'a rien dit",
	left:        "la connexion est perdue : l'autre côté s'est terminé avant la fin",
	interrupted: "interrompu",
	mismatch:    "ce programme doit transférer dans %s et l'autre côté dans %s : donner aux deux le même genre d'arguments",
	oneWay:      "un seul sens",
	bothWays:    "les deux sens",
	unknown:     "tout %s a été envoyé, mais aucune confirmation n'est venue : il est peut-être arrivé ; le renvoyer est sans danger",
	source:      "impossible de lire %s : %s",
	destination: "impossible d'écrire %s : %s",
	integrity:   "%s n'est pas arrivé intact : %s",
	refused:     "%s est refusé : %s",
	failed:      "%s : %s",
	otherSide:   "l'autre côté dit : %s",
	notAFolder:  "ce n'est pas un dossier",
	reasons: [...]string{
		codeNone:          "sans raison",
		codeNotFound:      "pas de tel fichier ou dossier",
		codePermission:    "permission refusée",
		codeExists:        "un fichier de ce nom existe",
		codeBadName:       "ce n'est pas un nom de fichier acceptable",
		codeHidden:        "les fichiers cachés sont laissés en paix",
		codeTooLarge:      "le fichier est trop grand",
		codeNoSpace:       "pas assez de place libre sur le disque",
		codeNotRegular:    "ce n'est pas un fichier ordinaire",
		codeNotServed:     "ce genre de transfert ne s'y fait pas",
		codeMode:          "un sens contre deux",
		codeIntegrity:     "le contenu n'est pas ce qui a été lu",
		codeSourceChanged: "le fichier a changé pendant la lecture",
		codeDisk:          "le disque a échoué",
		codeCancelled:     "interrompu",
		codeUnsupported:   "non pris en charge",
		codeBusy:          "occupé avec un autre client",
		codeProtocol:      "un message qui n'a pas de sens",
		codeRate:          "le débit est hors limites",
		codeInternal:      "erreur interne",
	},
}
